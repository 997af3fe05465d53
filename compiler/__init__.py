"""trainlock: compiles composed training presets into flat lockfiles. Modules, in the order in which data flows.

A module imports only from those above it.

    module      what lives there                                                    must never
    values      Origin, KeyPath, Node; plain, leaves, canonical bytes, digest       touch files
    problems    Problem, the exceptions, did-you-mean, rendering                    know YAML or a stage
    reader      bytes to Fragment; the only reading of YAML; limits; Tree           merge, or know which tree it is
    settings    [tool.trainlock] under the options of the command line              know what exists
    catalog     Layout: where things are, name and path, what exists                read content
    merging     the rules and the policy table: the one place                       read files, know names
    extends     references to Chain; cycles, missing bases, merge order             merge values
    checks      named checks, one function each                                     repair a value
    compose     preset and fusion config to Resolved; each file parsed once         write
    lockfile    Lock: encode, decode, drift with its reason                         compose
    pipeline    the verbs, which return data; all writes                            import doit, print
    tasks       doit task creators over the verbs, for any repository's dodo.py     hold logic
    cli         arguments, exit codes, printing                                     hold logic
"""

__version__ = "0.1.0"
