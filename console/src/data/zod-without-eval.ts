import { config } from 'zod/v4/core'

// Zod tries whether it may compile its checks when it makes the first one, which the content policy refuses and reports. So it is told before any page
// is loaded: a page cannot do that itself, since what it shares with others is in files that run before its own.
config({ jitless: true })
