// Package collect gathers what a training run, a file of scores or a rollout has to show into one report.Document.
//
// The one idea: a report says only what the files say, and says what they do not have. A run that has just begun, one that goes on, a rollout whose
// data is gone all give a page; a file that is half written, or of a format that this program does not know, is refused by its name.
package collect
