import { useEffect, useState } from 'react'

const stillForMs = 300

/** A value once it has not changed for a moment: what is asked for as somebody types is asked when they pause. */
export function useSettled<Value>(value: Value): Value {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), stillForMs)
    return () => clearTimeout(timer)
  }, [value])
  return settled
}
