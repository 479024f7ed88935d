package ranks

import "errors"

// Common is an error that all ranks have returned. It needs no one to end the others.
type Common interface {
	error
	// Own says whether it happened to this rank.
	Own() bool
}

// IsCommon says whether all ranks have returned an error, and whether it happened to this one.
func IsCommon(err error) (common, own bool) {
	var c Common
	if !errors.As(err, &c) {
		return false, false
	}
	return true, c.Own()
}

// Own implements Common.
func (e *AgreedError) Own() bool { return e.Mine }

// DifferError says what ranks have that should be the same and is not.
type DifferError struct {
	text string
	own  bool
}

func (e *DifferError) Error() string { return e.text }

// Own implements Common: one of the two ranks that differ.
func (e *DifferError) Own() bool { return e.own }
