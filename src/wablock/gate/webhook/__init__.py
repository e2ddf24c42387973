"""A webhook's body: what it shows of users, and what is left of it without some of them. Pure, no I/O.

`documented` is the shape that Meta documents; `canonical` brings any other JSON into it. `reading` makes of it who sent
what (`change`), and which ids are one user (`links`, `senders`). `cutting` decides what goes with a message, `raw_json`
takes it out of the bytes that came, and `body` joins all of it. Reading and cutting share places, nothing else.
"""
