"""The nouns: plain, frozen data that every other layer passes around.

Nothing here acts, reads a clock or touches a file. Behaviour lives in the layers above;
``codec`` turns these values into JSON and back and is the only place that knows the format.
"""
