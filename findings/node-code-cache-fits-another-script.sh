#!/usr/bin/env bash
# Node 24.21.0 (V8 13.6), vm.Script with cachedData: the code cache of one script is accepted for another script of
# the same length, and then the code of the first one runs.
#
# One would guess that V8 compares the source with the one that a cache was made of: it says `cachedDataRejected` for
# another version of itself, or other flags. It compares the length only. Whoever ships a code cache beside a bundle
# has to tie the two together, or an edit of one character runs the code from before the edit.
#
# Seen (a cache of `'one'`, in a new process each time):
#   'one': rejected false, ran one
#   'two': rejected false, ran one
#   'three': rejected true, ran three
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" node@24.21.0 > "$work/log" 2>&1
node=$work/node_modules/node/bin/node
cat > make.js <<'JS'
const { Script } = require('node:vm');
require('node:fs').writeFileSync('cache', new Script("'one'").createCachedData());
JS
cat > use.js <<'JS'
const { Script } = require('node:vm');
const cachedData = require('node:fs').readFileSync('cache');
const source = process.argv[2];
const script = new Script(source, { cachedData });
console.log(`${source}: rejected ${script.cachedDataRejected}, ran ${script.runInThisContext()}`);
JS
"$node" make.js
for source in "'one'" "'two'" "'three'"; do "$node" use.js "$source"; done | tee seen
diff seen - <<'SEEN'
'one': rejected false, ran one
'two': rejected false, ran one
'three': rejected true, ran three
SEEN
