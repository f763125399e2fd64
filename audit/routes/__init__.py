"""Access through another identity, or through what an image refers to.

In this package `namespace` is a name, and `space` the position of that name in the strings of the snapshot; 0 stands
for every namespace.
"""
