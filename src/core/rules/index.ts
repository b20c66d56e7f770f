import { type Rule } from '../policy.js'
import { agentReferences } from './agent-references.js'
import { dollar } from './dollar.js'
import { env } from './env.js'
import { headers } from './headers.js'
import { name } from './name.js'
import { rawSecret } from './raw-secret.js'
import { serverLists } from './server-lists.js'
import { stdio } from './stdio.js'
import { tools } from './tools.js'
import { transport } from './transport.js'
import { url } from './url.js'
import { visibleText } from './visible-text.js'

/** Every rule there is, in the order in which people read findings. A new rule is one file and one line here. */
export const rules: readonly Rule[] = [name, serverLists, transport, stdio, env, url, headers, tools, visibleText, dollar, rawSecret, agentReferences]
