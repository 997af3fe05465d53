#!/usr/bin/env bash
# Launches training from a lock. Variables come before the command:
#
#     config=train/sft/dense_1024 gpus=0,1 bash scripts/train.sh
#
# config       a preset's name, its file, or its lock (default: debug)
# gpus         device numbers (default: 0)
# dry_run      true prints the command and writes nothing
# build        true compiles the locks first
# debug        true adds --debug
# trainer      the trainer's module (default: src.sft)
# nnodes, node_rank, master_addr, master_port     for several machines (the port: 29500)
#
# compiler/launch.py checks every one of them, verifies the locks, and is replaced by the trainer.
set -euo pipefail

unset CDPATH # or cd would look for the folder elsewhere first
here=$PWD
script=$(readlink -f -- "${BASH_SOURCE[0]}")
cd -- "${script%/*}/.."

if [ "$#" -gt 0 ]; then
  echo "train.sh: takes no arguments: write \`config=... gpus=... bash scripts/train.sh\`" >&2
  exit 2
fi

python=python
command -v "$python" >/dev/null || python=python3
if ! "$python" -c 'import compiler.launch' 2>/dev/null; then
  echo "train.sh: trainlock is not installed for \`$python\`: \`pip install -e .\`" >&2
  exit 2
fi

exec "$python" -m compiler.launch \
  --here="$here" \
  --python="$python" \
  --config="${config:-}" \
  --gpus="${gpus:-}" \
  --trainer="${trainer:-}" \
  --debug="${debug:-}" \
  --dry_run="${dry_run:-}" \
  --build="${build:-}" \
  --nnodes="${nnodes:-}" \
  --node_rank="${node_rank:-}" \
  --master_addr="${master_addr:-}" \
  --master_port="${master_port:-${MASTER_PORT:-}}"
