"""The task graph: `doit` builds every lock, `doit list` shows the tasks, `doit check` compares without writing.

lock:<name>     a preset or fusion config compiled to build/<name>.lock.yaml
prune           the locks of sources that are gone are removed
check           every lock compared with what its sources compile to (not run by default)
"""

from compiler import tasks

DOIT_CONFIG = tasks.config()
task_lock, task_prune, task_check = tasks.creators()
