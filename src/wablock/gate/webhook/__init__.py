"""A webhook's body: what it shows of users, and what is left of it without some of them. Pure, no I/O.

`documented` has the shape that Meta documents; a body of another spelling is brought into it by `canonical`. `change`
reads who sent what, `links` which ids are one user. `cutting` decides what goes with a message, `raw_json` takes it out
of the bytes that came, and `body` joins all of it. Reading and cutting share positions, nothing else.
"""
