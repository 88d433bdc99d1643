"""Features: stateless functions from bars to a value per bar, none of which looks ahead.

A feature is called with `bars`, a mapping of columns, and its options; one across symbols with a
mapping for each. It returns an array, or a mapping of lines to arrays. The value of a bar depends
on that bar and earlier ones, and is the same to the last bit whatever comes later; what is not
known yet is NaN. The engine tests that of every feature that it calls, third parties' too.
"""
