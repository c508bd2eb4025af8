"""The real mechanisms of this interpreter, held against their reference implementations.

A probe (`base.Probe`) is an ordinary target: its operations drive the real mechanism through
`stressor._probes` and note what they see; `check` asks the monitor whether the reference allows that.
"""
