/*
 * again: commands whose outcome is unknown, to a node that remembers what it
 * was told (frame.h, command_dedupe). When such a node is back they are sent
 * once more with their ids: it answers from memory what it did, and does
 * what never reached it. Only what went out under that promise, within five
 * minutes and its time to live, while who ordered it still may. A command
 * that became several steps is left alone: they had ids of their own.
 */
#ifndef MAST_AGAIN_H
#define MAST_AGAIN_H

struct node;

/* The node has a new session; its queue is looked at after this. */
void again_start(struct node *);
/* That session is over, or the hub is. */
void again_forget(struct node *);

#endif
