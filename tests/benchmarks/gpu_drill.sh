#!/usr/bin/env bash
# Trains the label model on a machine with a GPU within a few minutes, scores it, and times everything:
#
#     bash tests/benchmarks/gpu_drill.sh DATA OUT [MINUTES] [DEVICE]
#
# DATA holds emps, spheres, fibres, axons and coatings_superalloys (natural, too, if it is to lend textures); OUT gets weights.safetensors
# as training goes on, the log, scores and speed. MINUTES (6) are those of training alone; scoring takes two more. With TINY=1
# it tries the whole way on a CPU in two minutes.
set -euo pipefail
data=$1 out=$2 minutes=${3:-6} device=${4:-cuda}
cd "$(dirname "$0")/../.."
mkdir -p "$out"
work=$(mktemp -d)
export PYTHONPATH=$PWD
settings=(--set "optimizer.minutes=$minutes" --set workers=14 --set data.pool=8000 --set optimizer.learning_rate=0.0015
  --set stages.0.steps=800 --set stages.0.batch=48 --set stages.1.steps=1200 --set stages.1.batch=32
  --set stages.2.steps=300 --set stages.2.batch=32 --set stages.3.steps=100 --set stages.3.batch=16)
if [ "${TINY:-}" = 1 ]; then
  settings=(--set "optimizer.minutes=$minutes" --set workers=1 --set data.pool=24 --set data.pool_size=96
    --set stages.0.steps=3 --set stages.0.size=64 --set stages.0.batch=2 --set stages.1.steps=3 --set stages.1.size=64
    --set stages.1.batch=2 --set stages.2.steps=2 --set stages.2.size=64 --set stages.2.batch=2
    --set stages.3.steps=2 --set stages.3.size=64 --set stages.3.batch=2)
fi
[ -d "$data/natural" ] || settings+=(--set data.photographs=null)

# What comes back is small: weights and log, copied as they appear, for the machine may go at any time.
keep() { cp "$work"/run/weights.safetensors "$work"/run/log.jsonl "$out" 2>/dev/null || true; }
(while sleep 30; do keep; done) &
keeper=$!
trap 'kill $keeper 2>/dev/null; keep' EXIT

python -m semcolorize train labels --data "$data" --out "$work/run" --device "$device" --max-minutes "$minutes" "${settings[@]}"
keep
python -m semcolorize evaluate --clicks --methods model --weights "$work/run/weights.safetensors" --device "$device" \
  --json >"$out/clicks.json"
[ "${TINY:-}" = 1 ] || python -m semcolorize benchmark --out "$work/speed" --json >"$out/speed.json"
