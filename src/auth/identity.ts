/** Whom an access token speaks for: a signed-in person, or a machine with a role. */
export type Identity =
  | {
      readonly kind: "user";
      readonly uid: number;
      readonly sid: string;
      /** The mini-program's or official account's, in which they signed in. */
      readonly appid: string;
      readonly role: "customer" | "business";
    }
  | {
      readonly kind: "app";
      readonly appid: string;
      readonly role: "service" | "operator" | "device" | "partner";
    };
