"""The requests of a business to a number's upstream: how they are read, checked, and prepared for sending. No I/O.

The upstream reads the same bytes again and may read them differently. So the gate reads names more loosely than any
parser does, and counts every value of a name. It refuses a request that two parsers may read differently. Loose reading
only adds recipients and refusals; it never removes a check.
"""
