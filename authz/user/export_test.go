package user

// Remembered is how many things the brake remembers.
func (b *Brake) Remembered() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := &b.memory
	return m.pairs.size() + m.known.size() + m.addresses.used.size() + m.logins.used.size()
}

func (r *recent[V]) size() int { return len(r.young) + len(r.old) }
