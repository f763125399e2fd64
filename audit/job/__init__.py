"""The main job: collect, build the tables, judge, write, seal."""
