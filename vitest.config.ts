import { env } from 'node:process'
import { configDefaults, defineConfig } from 'vitest/config'

export default defineConfig({
  // graphql has no `exports`: Vite would take its ESM build, Node takes the CommonJS one, and two copies refuse each other.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    // Makes the pictures of the docs, and runs by `npm run screenshots` alone.
    exclude: [...configDefaults.exclude, ...(env.PILOTHOUSE_SCREENSHOTS === '1' ? [] : ['test/console/screenshots.test.ts'])],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Modules are loaded once for each worker instead of once for each file, which was a third of the time. No test alters one.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
