package main

// vector is a vector of a kernel before it has a register.
type vector int

// vectorRegisters is how many there are.
const vectorRegisters = 32

// registers gives each vector a register. It holds one from the first line that names it to the last or, where a loop that it
// was set before reads it, to the end of that loop, since the next round reads it again.
func registers(lines []line, vectors int) []int {
	first, last := make([]int, vectors), make([]int, vectors)
	for v := range first {
		first[v] = -1
	}
	labels := map[string]int{}
	for at, l := range lines {
		if l.label != "" {
			labels[l.label] = at
		}
		for _, v := range l.vectors {
			if first[v] < 0 {
				first[v] = at
			}
			last[v] = at
		}
		start, back := labels[l.target]
		for v := range first {
			if back && first[v] >= 0 && first[v] < start && last[v] >= start {
				last[v] = at
			}
		}
	}
	var free []int // the one that was given back first is taken first, so that neighbours in time differ
	for r := range vectorRegisters {
		free = append(free, r)
	}
	given := make([]int, vectors)
	for at, l := range lines {
		for _, v := range l.vectors {
			if first[v] == at {
				if len(free) == 0 {
					panic("more vectors at a time than registers")
				}
				given[v], free = free[0], free[1:]
				first[v] = -1 // also where a line names it twice
			}
		}
		for v, end := range last {
			if end == at {
				free = append(free, given[v])
			}
		}
	}
	return given
}
