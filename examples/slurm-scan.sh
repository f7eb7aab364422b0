#!/bin/bash
# Scan pictures on a Slurm cluster with Ray: sbatch slurm-scan.sh PHOTOGRAPHS RESULTS
#
# Before: pip install 'psccnet[scan,cluster]' into an environment that all nodes see. PHOTOGRAPHS and RESULTS must be on
# a shared file system. After a failure or the time limit, submit the job again: the scan resumes.
#SBATCH --job-name=psccnet-scan
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --mem=32G
#SBATCH --time=12:00:00
#SBATCH --signal=B:TERM@120
set -euo pipefail

photographs=${1:?usage: sbatch slurm-scan.sh PHOTOGRAPHS RESULTS}
results=${2:?usage: sbatch slurm-scan.sh PHOTOGRAPHS RESULTS}
cores=${SLURM_CPUS_PER_TASK:-16}
port=6379
export RAY_USAGE_STATS_ENABLED=0

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')

# `ray start --block` ends with the job step, so that no process stays behind on a node.
srun --nodes=1 --ntasks=1 --nodelist="$head" \
    ray start --head --node-ip-address="$address" --port="$port" --num-cpus="$cores" --block &
sleep 20
if ((${#nodes[@]} > 1)); then
    srun --nodes=$((${#nodes[@]} - 1)) --ntasks=$((${#nodes[@]} - 1)) --exclude="$head" \
        ray start --address="$address:$port" --num-cpus="$cores" --block &
    sleep 20
fi

# Slurm sends TERM two minutes before the time limit: the scan then finishes the pictures in progress.
psccnet scan "$photographs" --out "$results" --ray "$address:$port" &
scan=$!
asked=0
trap 'asked=1; kill -TERM "$scan" 2> /dev/null || true' TERM
status=0
wait "$scan" || status=$?
if ((asked)); then # the signal ended `wait`, not the scan
    status=0
    wait "$scan" || status=$?
fi
exit "$status"
