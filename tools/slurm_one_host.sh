#!/usr/bin/env bash
# A SLURM cluster of this one host, for trying things out and for tests: no systemd, nothing outside
# of one folder, whatever the user's name. It takes Debian's packages
#   apt-get install --no-install-recommends slurmctld slurmd slurm-client munge
#
#   tools/slurm_one_host.sh start DIR   start it; does nothing if it runs
#   tools/slurm_one_host.sh stop DIR    end it, with its jobs
#
# Afterwards: export SLURM_CONF=DIR/slurm.conf
# Partitions are "debug" (the default) and "gpu", where the host pretends to have one GPU.
set -euo pipefail

usage='usage: slurm_one_host.sh start|stop DIR'
action=${1:?$usage}
mkdir -p "${2:?$usage}"
dir=$(cd "$2" && pwd)
PATH=$PATH:/usr/sbin:/sbin
export SLURM_CONF=$dir/slurm.conf

configure() {
  local host user cpus memory port
  host=$(hostname -s)
  user=$(id -un)
  cpus=$(getconf _NPROCESSORS_ONLN)
  memory=$(awk '/^MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
  port=$((20000 + RANDOM % 12000))
  mkdir -p "$dir"/{state,spool}
  chmod 755 "$dir"
  (umask 077; head -c 1024 /dev/urandom > "$dir/munge.key")
  echo 'Name=gpu File=/dev/null' > "$dir/gres.conf"
  cat > "$SLURM_CONF" <<CONF
ClusterName=one_host
SlurmctldHost=$host(localhost)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
SlurmctldPort=$port
SlurmdPort=$((port + 1))
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
# a job is ended when it takes more memory than it asked for, and soon after its time limit
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
DefMemPerCPU=1024
KillWait=5
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_min_interval=0
NodeName=$host NodeAddr=localhost CPUs=$cpus RealMemory=$memory Gres=gpu:1
PartitionName=debug Nodes=$host Default=YES OverSubscribe=FORCE:4
PartitionName=gpu Nodes=$host OverSubscribe=FORCE:4
CONF
}

is_running() {
  local pid
  pid=$(cat "$dir/$1.pid" 2>/dev/null) && [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null
}

end() {
  is_running "$1" || return 0
  kill "$(cat "$dir/$1.pid")" 2>/dev/null || true
  for _ in $(seq 50); do
    is_running "$1" || return 0
    sleep 0.1
  done
  kill -KILL "$(cat "$dir/$1.pid")" 2>/dev/null || true
}

case $action in
  start)
    for name in munged slurmctld slurmd sbatch; do
      command -v "$name" > /dev/null || { echo "slurm_one_host.sh: $name is missing" >&2; exit 1; }
    done
    [ -e "$SLURM_CONF" ] || configure
    is_running munged || munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" \
      --pid-file="$dir/munged.pid" --log-file="$dir/munged.log" --seed-file="$dir/munged.seed"
    is_running slurmctld || slurmctld
    is_running slurmd || slurmd
    for _ in $(seq 100); do
      case $(sinfo --noheader --format=%T 2>/dev/null | head -n 1) in
        idle | mixed | allocated) exit 0 ;;
      esac
      sleep 0.1
    done
    echo "slurm_one_host.sh: the node does not come up; see $dir/slurmd.log" >&2
    exit 1
    ;;
  stop)
    if is_running slurmctld; then
      scancel --user="$(id -un)" 2>/dev/null || true
      for _ in $(seq 100); do
        [ -n "$(squeue --noheader 2>/dev/null)" ] || break
        sleep 0.1
      done
    fi
    end slurmd
    end slurmctld
    end munged
    ;;
  *)
    echo "$usage" >&2
    exit 2
    ;;
esac
