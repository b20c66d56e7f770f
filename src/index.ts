/** The server as a library: `const app = await createApp(readConfig()); const { url } = await app.listen()`. */
export { type App, createApp } from './app.js'
export { type Config, ConfigError, readConfig } from './config.js'
