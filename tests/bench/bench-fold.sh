#!/usr/bin/env bash
# Counting equal lines, against wc -l, which does the least that one can do
# with every byte.  All of it from the page cache.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=7
file=$data/day.jsonl
records day --records 2000000 --domains 20000 --zipf 1.0 --failures 2
spool=$build/tlsrpt-spool
configure

for ((i = 0; i < rounds; i++)); do
	sample "wc -l" wc -l "$file"
	sample "fold" "$bench/fold_bench" "$file"
	sample "fold, 1 thread" "$bench/fold_bench" "$file" 1
	[[ -x $spool ]] && sample_add "tlsrpt-spool add" "$file"
done

echo "20,000 domains, $(stat -c %s "$file") bytes," \
    "$("$bench/fold_bench" "$file"); medians of $rounds:"
times "wc -l"
times "fold"
times "fold, 1 thread"
[[ -x $spool ]] && times "tlsrpt-spool add"
goal "fold / wc -l" "$(ratio wall fold 'wc -l')" 4
[[ -x $spool ]] || exit 0
goal "tlsrpt-spool add / wc -l" "$(ratio wall 'tlsrpt-spool add' 'wc -l')" 8
