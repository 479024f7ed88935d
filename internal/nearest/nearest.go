package nearest

import (
	"fmt"
	"strings"
)

// Name is the name that the fewest changes of single letters, swaps of neighbours included, make of a misspelt one; empty if
// none of the names is near: a third of the letters, or two, may be wrong, or all but its beginning be missing. Names that are too long for
// anybody to have typed are near nothing: comparing two takes the product of their lengths in memory, and they may come from a hostile file.
func Name(misspelt string, names []string) string {
	const longest = 1000
	if len(misspelt) > longest {
		return ""
	}
	best, least := "", max(2, len(misspelt)/3)+1
	for _, name := range names {
		if len(name) > longest {
			continue
		}
		d := distance(strings.ToLower(misspelt), strings.ToLower(name))
		if len(misspelt) > 3 && strings.HasPrefix(strings.ToLower(name), strings.ToLower(misspelt)) { // the beginning was typed
			d = min(d, 1)
		}
		if d < least {
			best, least = name, d
		}
	}
	return best
}

// Hint is the question whether Name was meant, to stand behind the misspelt name; empty if no name is near.
func Hint(misspelt string, names []string) string {
	if name := Name(misspelt, names); name != "" {
		return fmt.Sprintf(" (did you mean %s?)", name)
	}
	return ""
}

// distance counts insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
