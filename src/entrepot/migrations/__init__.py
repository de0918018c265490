"""Numbered steps from an older schema to today: `NNNN_pre_name.sql` before a deploy, `_post_` after."""
