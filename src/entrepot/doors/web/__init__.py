"""Pages for people: the sign-in page and the tower, rendered here, kept live by server-sent events.

No page has a build or a script of its own beyond a few lines; htmx is shipped in `vendored/` as its
authors publish it. Every page is behind the same gate as the API and reads through `flows/views`.
"""
