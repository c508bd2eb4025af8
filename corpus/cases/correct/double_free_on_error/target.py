"""An encoder that serves one thread at a time and refuses the others."""

import hexlify_fixed as case


def SETUP():
    return case.Encoder()


def encode(data):
    def operation(encoder):
        try:
            text = encoder.encode(data)
        except RuntimeError:  # in use: refused, as documented
            return
        assert text == data.hex().encode(), text

    return operation


OPS = {"short": encode(b"abc"), "long": encode(b"0123456789" * 6)}
