import { Component, type ReactNode } from 'react'
import { problem } from '../data/problem.js'
import { InlineError } from '../parts/inline-error.js'

interface Props {
  children: ReactNode
}

/** A page that failed, or could not be loaded because the console was updated meanwhile, takes nothing else along. */
export class ErrorBoundary extends Component<Props, { error: Error | null }> {
  override state = { error: null as Error | null }

  static getDerivedStateFromError(error: Error) {
    return { error }
  }

  override render() {
    const { error } = this.state
    if (error === null) return this.props.children
    return <InlineError problem={problem('This page could not be shown.', `Load the console anew; it may have been updated. (${error.message})`, 'INTERNAL')} retry={() => location.reload()} />
  }
}
