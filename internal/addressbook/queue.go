package addressbook

// A queue is a heap of things that know their place in it, so that one whose order has changed is found at once. Places
// count from one; zero is not in the queue.
type queue[T any] struct {
	list   []T
	before func(a, b T) bool
	place  func(T) *int
}

func (q *queue[T]) empty() bool { return len(q.list) == 0 }

// head is the one before all others; there must be one.
func (q *queue[T]) head() T { return q.list[0] }

// put takes x in, or finds its place anew.
func (q *queue[T]) put(x T) {
	if *q.place(x) == 0 {
		q.list = append(q.list, x)
		*q.place(x) = len(q.list)
	}
	q.up(*q.place(x) - 1)
	q.down(*q.place(x) - 1)
}

// take takes x out, if it is in.
func (q *queue[T]) take(x T) {
	i := *q.place(x) - 1
	if i < 0 {
		return
	}
	last := len(q.list) - 1
	q.swap(i, last)
	var none T
	q.list[last] = none
	q.list = q.list[:last]
	*q.place(x) = 0
	if i < last {
		q.up(i)
		q.down(i)
	}
}

// reorder is for when the order of all has changed.
func (q *queue[T]) reorder() {
	for i := len(q.list)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
}

func (q *queue[T]) up(i int) {
	for i > 0 && q.before(q.list[i], q.list[(i-1)/2]) {
		q.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (q *queue[T]) down(i int) {
	for {
		next := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(q.list); child++ {
			if q.before(q.list[child], q.list[next]) {
				next = child
			}
		}
		if next == i {
			return
		}
		q.swap(i, next)
		i = next
	}
}

func (q *queue[T]) swap(i, j int) {
	q.list[i], q.list[j] = q.list[j], q.list[i]
	*q.place(q.list[i]), *q.place(q.list[j]) = i+1, j+1
}
