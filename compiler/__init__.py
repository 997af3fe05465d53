"""trainlock: compiles composed training presets into flat lockfiles.

The modules, in the order in which data flows.
A module imports only from those above it.

    module      what lives there                                                must never
    values      Origin, KeyPath, Node; plain, leaves, canonical bytes, digest   touch files
    problems    Problem, the exceptions, did-you-mean, rendering                know YAML or a stage
    tree        where bytes come from: the disk, a mapping; Source              know what is in a file
    syntax      what is wrong with a document before it has values              parse
    json_reader JSON to nodes                                                   know where a text comes from
    reader      bytes to Fragment; the only reading of YAML; limits             merge, know which tree it is
    settings    [tool.trainlock] under the options of the command line          know what exists
    catalog     Layout: where things are, name and path, what exists            read content
    merging     the rules and the policy table: the one place                   read files, know names
    references  what an extends key names; cycles, keys that look like one      read files
    extends     references to Chain; cycles, missing bases, merge order         merge values
    checks      named checks, one function each                                 repair a value
    compose     preset and fusion config to Resolved; each file parsed once     write
    emitter     values to the text of a lock, dialect-proof                     know a header or a file
    provenance  where a value was written, and what it overrode                 compose
    lockfile    Lock: encode, decode, drift with its reason                     compose
    store       the build folder: all writes, one build at a time               compile
    pipeline    the verbs, which return data                                    import doit, print
    console     printing that no broken stream turns into a failure             decide what is printed
    trainer     what the trainer makes of a preset: the batch plan                  decide a verdict
    launch      a verified lock, the copy of a run, the trainer's command       let a shell read anything
    database    doit's record of earlier runs, as a backend                     import doit
    tasks       doit task creators, for any repository's dodo.py; owns doit     hold logic
    cli         arguments, exit codes, printing                                 hold logic
"""

__version__ = "0.1.0"
