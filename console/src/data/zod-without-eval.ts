import { config } from 'zod'

// Zod would try whether it may compile its checks, which the content policy refuses and reports. Import this before whatever makes a schema.
config({ jitless: true })
