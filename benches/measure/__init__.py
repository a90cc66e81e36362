"""The project's load measurement, run by the executable `load` beside this package. Standard library only.

`command_line` chooses experiments; each experiment has a file of its own, made of what the others give: documents,
servers, load, memory, tables.
"""
