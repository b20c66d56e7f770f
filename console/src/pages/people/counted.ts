/** Numbers with what they count: "2 agents". */
export const counted = (count: number, noun: string, isMore = false): string => `${isMore ? 'more than ' : ''}${count} ${noun}${count === 1 ? '' : 's'}`
