#!/usr/bin/env bash
# A SLURM array: each job does one shard of a folder of videos. Jobs do not talk to each other, and any can be repeated.
#
#   sbatch --array=0-15 docs/slurm_array.sh VIDEOS OUT [options of `overseg batch`]
#
# VIDEOS and OUT lie on a file system that all nodes share; OUT may also be such an address as s3://BUCKET/NAME. What
# SLURM ends at its time limit is continued by the same command: requeue it, or submit it again. Afterwards:
#
#   overseg batch status OUT
#
#SBATCH --job-name=overseg
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --output=overseg-%A-%a.log
set -euo pipefail

die() {
    printf 'slurm_array.sh: %s\n' "$*" >&2
    exit 2
}

[ $# -ge 2 ] || die "expected VIDEOS and OUT: sbatch --array=0-15 docs/slurm_array.sh VIDEOS OUT [options]"
: "${SLURM_ARRAY_TASK_ID:?submit it with --array=0-N}"
videos=$1 out=$2
shift 2
first=${SLURM_ARRAY_TASK_MIN:-0}
count=${SLURM_ARRAY_TASK_COUNT:?submit it with --array=0-N}
shard=$((SLURM_ARRAY_TASK_ID - first))
[ $((${SLURM_ARRAY_TASK_STEP:-1})) -eq 1 ] || die "expected an array without steps, such as --array=0-15"

exec overseg batch "$videos" --out "$out" --shard "$shard/$count" --log-json "overseg-$shard.jsonl" "$@"
