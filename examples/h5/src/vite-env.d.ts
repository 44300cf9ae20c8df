interface ImportMetaEnv {
  /** Where the server is, when it is not where the page comes from. */
  readonly VITE_API?: string;
}
