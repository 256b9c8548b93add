-- The read that apid makes most, without what most callers do not need.

-- The nodes of an actor that is limited to some. A view in its place opens
-- and locks the tables behind it at every start of a plan, also for those
-- who see all nodes; behind a function they wait until somebody asks.
CREATE FUNCTION mast.my_node_set() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT m.node_id FROM mast.my_nodes m;
END
$$;
REVOKE ALL ON FUNCTION mast.my_node_set() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.my_node_set() TO _mast_apid;

CREATE OR REPLACE VIEW mast.node_view AS
SELECT v.* FROM mast.node_all v
LEFT JOIN mast.me ON true
WHERE me.all_nodes OR current_user = '_mast_ctl' OR (me.id IS NOT NULL
    AND v.id IN (SELECT mast.my_node_set()));
