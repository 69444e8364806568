#!/usr/bin/env bash
# Training over MPI between two network namespaces of one Linux machine: two addresses, a link between them, nothing shared but the disk.
# Runs two ranks in casa-a and one in casa-b, kills the one in casa-b, resumes, and compares with one process.
# Needs root and iproute2, and Open MPI, or MPICH with CASA_LAUNCHER=mpich.
#     packages/train/scripts/two-hosts.sh                                      the transcript is in docs/pages/several-machines.md
#     packages/train/scripts/two-hosts.sh 100mbit '{"width":1024,"depth":18,"rows":16}'
#         only measures: an update of bench/ranks/measure.ts with one rank on each host, over a link of this rate (tc)
set -euo pipefail
cd "$(dirname "$0")/../../.."
rate=${1:-}
measure=${2:-}
out=$(mktemp -d)
tsx=$(node -e 'console.log(require("url").pathToFileURL(require.resolve("tsx", { paths: ["packages/train"] })).href)')
clean() {
  ip netns del casa-a 2>/dev/null || true
  ip netns del casa-b 2>/dev/null || true
  rm -rf "$out"
}
trap clean EXIT
clean
mkdir -p "$out"

ip netns add casa-a
ip netns add casa-b
ip link add veth-a netns casa-a type veth peer name veth-b netns casa-b
ip -n casa-a addr add 10.77.0.1/24 dev veth-a
ip -n casa-b addr add 10.77.0.2/24 dev veth-b
for ns in a b; do
  ip -n casa-$ns link set lo up
  ip -n casa-$ns link set veth-$ns up
  if [ -n "$rate" ]; then ip netns exec casa-$ns tc qdisc add dev veth-$ns root tbf rate "$rate" burst 256k latency 50ms; fi
done

# The launcher starts its helper on the other host with this instead of ssh: the first argument is the host, or flags come before it.
cat >"$out/enter" <<'SH'
#!/usr/bin/env bash
while [[ ${1:-} == -* ]]; do shift; done
host=$1
shift
case $host in
  10.77.0.1) ns=casa-a ;;
  *) ns=casa-b ;;
esac
exec ip netns exec "$ns" bash -c "$*"
SH
chmod +x "$out/enter"

launch() {
  local ranks=$1
  shift
  if [ "${CASA_LAUNCHER:-openmpi}" = openmpi ]; then
    # The address, not the name, tells the hosts apart; both have one name.
    ip netns exec casa-a env OMPI_MCA_orte_keep_fqdn_hostnames=1 mpirun.openmpi --allow-run-as-root --oversubscribe \
      --mca plm_rsh_agent "$out/enter" --mca oob_tcp_if_include 10.77.0.0/24 --mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24 \
      --host 10.77.0.1:$((ranks - 1)),10.77.0.2:1 -n "$ranks" "$@"
  else
    ip netns exec casa-a mpirun.mpich -disable-auto-cleanup -launcher ssh -launcher-exec "$out/enter" -iface veth-a \
      -hosts 10.77.0.1:$((ranks - 1)),10.77.0.2:1 -n "$ranks" "$@"
  fi
}
if [ -n "$measure" ]; then
  cd bench && launch 2 node --conditions=@casa-js/source --import "$tsx" ranks/measure.ts "$measure"
  exit
fi

child=(node --conditions=@casa-js/source --import "$tsx" packages/train/src/fixtures/mpi-child.ts)
losses() { sed -n 's/^{"kind":"step","step":\([0-9]*\),"loss":\([0-9.]*\).*/step \1: loss \2/p'; }

echo '== one process'
options() { printf '{"shards":6,"steps":9,"checkpointEvery":3,"device":"wasm","out":"%s/%s","resume":true,"toy":{%s}}' "$out" "$1" "${2:-}"; }
"${child[@]}" "$(options one)" | losses
echo '== where three ranks run'
launch 3 sh -c 'echo "rank ${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-}} at $(ip -4 -o addr show scope global | tr -s " " | cut -d" " -f4)"' | sort
echo '== three ranks, two at 10.77.0.1 and one at 10.77.0.2; the last is killed in update 5'
launch 3 "${child[@]}" "$(options two '"failAt":{"batch":5,"shard":5,"how":"kill"}')" >"$out/killed.txt" 2>&1 || echo "mpirun ends with code $?"
losses <"$out/killed.txt"
grep '^casa:' "$out/killed.txt" | sed "s#$out#RUNS#"
echo '== resumed with three ranks'
launch 3 "${child[@]}" "$(options two)" >"$out/rest.txt" 2>&1 || { cat "$out/rest.txt"; exit 1; }
losses <"$out/rest.txt"
