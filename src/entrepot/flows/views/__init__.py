"""What pages and reports read: one function per page, over the rooms' published views."""
