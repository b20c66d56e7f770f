import { defineConfig } from 'drizzle-kit'

const config = defineConfig({ dialect: 'postgresql', schema: ['./src/db/schema.ts', './src/db/probe-schema.ts'], out: './drizzle' })

// The tool's own command reads the default export.
export { config as default }
