import { type WorkerListQuery } from '../../generated/graphql.js'
import { OutsideText } from '../../parts/outside-text.js'
import classes from './workers.module.css'

type Convergence = WorkerListQuery['convergence']

/** "37 of 37 current, 1 refused: reason". Several reasons stand below, of the most workers first. */
export function ConvergenceLine({ convergence: { workers, current, failed, failures } }: { convergence: Convergence }) {
  if (workers === 0) return null
  const [only, ...others] = failures
  return (
    <div role="status" className={classes.convergence}>
      <p>
        <strong>{current} of {workers} current</strong>
        {only !== undefined && others.length === 0 && <>, <Failure failure={only} /></>}
        {others.length > 0 && `, ${failed} with something that does not run:`}
      </p>
      {others.length > 0 && <ul>{failures.map((failure, at) => <li key={at}><Failure failure={failure} /></li>)}</ul>}
    </div>
  )
}

function Failure({ failure: { state, name, reason, workers } }: { failure: Convergence['failures'][number] }) {
  return <>{workers} {state.toLowerCase()}: <strong><OutsideText>{name}</OutsideText></strong>{reason != null && <>, <OutsideText>{reason}</OutsideText></>}</>
}
