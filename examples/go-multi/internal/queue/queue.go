// Package queue is what the two programs share.
package queue

import "strings"

// Job is one piece of work.
type Job struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

// Demo is what both programs work on when run without arguments.
func Demo() []Job {
	return []Job{{1, "resize"}, {2, "encode"}, {3, "publish"}}
}

// Do carries out a job.
func Do(job Job) string {
	return strings.ToUpper(job.Text)
}
