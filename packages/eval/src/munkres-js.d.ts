/** Assignment by the Hungarian method; the package brings no types. */
declare module 'munkres-js' {
  /** Pairs [row, column] of least total cost, in order of rows. */
  function munkres(costs: number[][]): [number, number][]
  namespace munkres {
    /** Profits to costs: the largest profit less each. */
    function make_cost_matrix(profits: number[][]): number[][]
  }
  export default munkres
}
