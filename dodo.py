"""The task graph: `doit` builds every lock and proves it, `doit list` shows the tasks, `doit check` only compares.

lock:<name>     a preset or fusion config compiled to build/<name>.lock.yaml
prune           the locks of sources that are gone are removed
prove:<name>    a preset's lock held against what the old loader resolved
report          the proofs as one page, Markdown and JSON, below build/reports/
check           every lock compared with what its sources compile to (not run by default)
"""

from compiler import tasks

DOIT_CONFIG = tasks.config()
task_lock, task_prune, task_check, task_prove, task_report = tasks.creators()
