"""The body of a webhook: which users are in it, and the same body without some of their messages. Pure, no I/O.

`documented` is the shape that Meta documents; `canonical` converts any other JSON into it. `reading` finds the sender
of each message (`change`) and the ids that belong to one user (`links`, `senders`). `cutting` decides what to remove
together with a message, `raw_json` removes it from the original bytes, and `body` uses all of these. Reading and
cutting share only the positions of entries and changes.
"""
