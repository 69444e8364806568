/** The names of a kernel's inputs, as types. A name that ends in '?' is optional. */

/** A name without its question mark. */
export type InputName<N extends string> = N extends `${infer Name}?` ? Name : N
export type RequiredName<N extends string> = N extends `${string}?` ? never : N
export type OptionalName<N extends string> = N extends `${infer Name}?` ? Name : never

/** One T for every input, undefined or missing for an optional one. */
export type Inputs<N extends string, T> = { [Name in RequiredName<N>]: T } & { [Name in OptionalName<N>]?: T | undefined }
