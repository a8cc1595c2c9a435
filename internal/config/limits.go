package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/potluck-p2p/potluck/internal/schedule"
)

// auto is the text for as many as the machine has room for.
const auto = "auto"

// setCeiling takes a number, or 0 for auto.
func setCeiling(to *int, v value, most int) (reason, hint string) {
	if strings.EqualFold(v.text, auto) {
		*to = 0
		return "", ""
	}
	if reason, hint = setCount(to, v, most); reason != "" {
		hint = "write auto for as many as this machine has room for"
	}
	return reason, hint
}

// ceilingText explains what auto is, as far as that is known.
func ceilingText(n, room int, why string) string {
	switch {
	case n > 0:
		return strconv.Itoa(n)
	case room == 0:
		return auto
	}
	return fmt.Sprintf("%s (%d, %s)", auto, room, why)
}

// maxEntries bounds the entries of a schedule, and the files of a list.
const maxEntries = 100

func setSchedule(to *[]schedule.Entry, v value) (reason, hint string) {
	var list []schedule.Entry
	for text := range strings.SplitSeq(v.text, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		e, err := schedule.Parse(text, scheduledRate)
		if wrong := (*schedule.Error)(nil); errors.As(err, &wrong) {
			if wrong.Word == "" {
				return fmt.Sprintf("is wrong in entry %d, which %s", len(list)+1, wrong.Reason), wrong.Hint
			}
			return fmt.Sprintf("is wrong in entry %d: %v", len(list)+1, wrong), wrong.Hint
		}
		if list = append(list, e); len(list) > maxEntries {
			return fmt.Sprintf("has more than %d entries", maxEntries), ""
		}
	}
	*to = list
	return "", ""
}

func scheduledRate(text string) (int64, string) {
	r, reason, _ := parseRate(text)
	return int64(r), reason
}

// scheduleText is a schedule as a user would write it.
func scheduleText(list []schedule.Entry) string {
	var texts []string
	for _, e := range list {
		texts = append(texts, e.Text(func(rate int64) string { return Rate(rate).String() }))
	}
	return strings.Join(texts, ", ")
}

// setPaths takes files, with commas between.
func setPaths(to *[]string, v value) (reason, hint string) {
	var list []string
	for text := range strings.SplitSeq(v.text, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		var path string
		one := v
		one.text = text
		if reason, hint = setPath(&path, one); reason != "" {
			return fmt.Sprintf("names %q, which %s", text, reason), hint
		}
		if slices.Contains(list, path) {
			continue
		}
		if list = append(list, path); len(list) > maxEntries {
			return fmt.Sprintf("names more than %d", maxEntries), ""
		}
	}
	*to = list
	return "", ""
}
