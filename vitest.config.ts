import { defineConfig } from 'vitest/config'

export default defineConfig({
  // graphql has no `exports`: Vite would take its ESM build, Node takes the CommonJS one, and two copies refuse each other.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Modules are loaded once for each worker instead of once for each file, which was a third of the time. No test alters one.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
