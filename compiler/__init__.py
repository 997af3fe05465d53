"""trainlock: compiles composed training presets into flat lockfiles.

The modules, in the order in which data flows.
A module imports only from those above it.

    module      what lives there                                                must never
    values      Origin, KeyPath, Node; plain, leaves, canonical bytes, digest   touch files
    disguise    what looks like a secret; texts without the secrets in them     know a problem
    problems    Problem, the exceptions, did-you-mean, rendering                know YAML or a stage
    as_json     values, places and problems as JSON holds them                  print
    console     printing that no broken stream turns into a failure             decide what is printed
    tree        where bytes come from: the disk, a mapping; Source              know what is in a file
    history     a git revision as a tree; renames; the only calls of git        touch the working tree
    spelling    scalars that two versions of YAML read differently               read a file
    scalars     YAML nodes with the types and values of `yaml.safe_load`        word a problem
    syntax      what is wrong with a document before it has values              parse
    json_reader JSON to nodes                                                   know where a text comes from
    reader      bytes to Fragment; the only reading of YAML; limits             merge, know which tree it is
    settings    [tool.trainlock] under the options of the command line          know what exists
    catalog     Layout: where things are, name and path, what exists            read content
    merging     the rules and the policy table: the one place                   read files, know names
    emitter     values to the text of a lock, dialect-proof                     know a header or a file
    references  what an extends key names; cycles, keys that look like one      read files
    extends     references to Chain; cycles, missing bases, merge order         merge values
    checks      named checks, one function each                                 repair a value
    diamonds    bases that are reached twice, and what that undoes              merge
    hierarchy   checks of what a fragment makes of its bases                    repair a value
    compose     preset and fusion config to Resolved; each file parsed once     write
    provenance  where a value was written, and what it overrode                 compose
    lockfile    Lock: encode, decode, drift with its reason                     compose
    store       the build folder: all writes, one build at a time               compile
    legacy      what the old loader resolved, as recorded                       read YAML, merge or compose
    mapping     which preset became which; waivers                              look at a preset
    compare     two trees to differences; the only import of deepdiff           know waivers, files
    neutrality  rules: differences that cannot reach training                   apply on one side alone
    verdict     differences to a verdict, by rules and waivers                  compute differences
    mutants     the drill: planted changes that the gate must catch             decide what counts
    trainer     what the trainer makes of a preset: the batch plan                  decide a verdict
    effective   values that the trainer rewrites after the merge                change a value
    schema      what the trainer takes: its recorded arguments, the project's   judge
    json_schema  what the checks take, as JSON Schema for editors                judge
    mending     how to write what was meant by a value of the wrong type        judge
    sound       values that checks need not look at again                       judge
    trainer_checks  checks of a resolved preset against its trainer             repair a value
    combinations  checks of what must fit together in a preset                  repair a value
    mix_checks  checks of a resolved mix against its project                    repair a value
    run_names   checks of what a run calls itself                               repair a value
    exposure    checks for values that look like secrets                        tell the value
    across      checks of all documents together                                keep a document
    lint        which checks there are, what is silenced of their findings      judge by itself
    orphans     locks whose source is gone                                      remove one
    pipeline    the verbs, which return data                                    import doit, print
    staging     whether a commit would hold the locks as they lie               stage
    proofs      proofs and the report document, as plain data                   judge
    sides       what a preset holds: by its lock, its sources, its record       judge
    pairing     which presets of two trees belong together                      look at a value
    proving     the verb `prove`: both sides, the drill, the report document    print
    contrast    the verb `diff`: two presets, or one at two revisions           judge
    reach       what a fragment reaches, what a key holds where                 compose
    recording   legacy records of what a team's own loader resolves             resolve anything
    watching    what to say after a save; the only import of watchfiles         print
    overview    every preset and mix, how its lock stands, which are one run    read a lock itself
    gutter      a flattened document with origins at the left                   know a file
    drawing     the composition of presets as a graph                           look at a value
    annotations GitHub's annotations: the one place that escapes them           know what is told
    report      the report document on a terminal, as Markdown, as annotations  compute, read a clock
    page_style  how the page looks                                              know what is on it
    page_parts  pieces of the page; the one place where text becomes HTML       know the whole page
    page_diffs  differences and mixes on the page                               compute
    page        the report document as a page                                   compute, read a clock
    publishing  the report document in every form, on disk                      decide what a report says
    launch      a verified lock, the copy of a run, the trainer's command       let a shell read anything
    database    doit's record of earlier runs, as a backend                     import doit
    outline     which locks there are, kept while no source changes             compile
    run         what one doit process knows                                     import doit
    proof_tasks the doit tasks of the proof, and of the reports                 import doit
    tasks       doit task creators, for any repository's dodo.py; owns doit     hold logic
    codes       what every problem code means, read from docs/problems.md       reword it
    sarif       problems as SARIF 2.1.0                                         print
    answers     what is printed of a question, as text and JSON                 find it
    impacts     what is printed of `impact`, as text and JSON                   find it
    completion  what a shell may offer next; the only import of argcomplete     say what is wrong
    arguments   what the command can be asked, with which options               do it
    cli         exit codes, printing                                            hold logic
"""

__version__ = "0.1.0"
