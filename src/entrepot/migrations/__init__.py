"""Numbered steps from an older schema to today.

`NNNN_pre_name.sql` runs before the code is deployed, `NNNN_post_name.sql` after the old one is
gone.
"""
